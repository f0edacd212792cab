import { admit } from "../../assembly/policy";
import { abi } from "../abi";
import { putDenial } from "../answers";
import { Request } from "../policy";

export function admission_admit(request: i32): usize {
  abi.begin();
  const answer = admit(new Request(request));
  abi.end();
  return putDenial(answer);
}
