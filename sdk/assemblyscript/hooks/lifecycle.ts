import { configure } from "../../assembly/policy";
import { abi } from "../abi";
import { putRefusal } from "../answers";

export function lifecycle_configure(settings: usize, length: i32): usize {
  abi.begin();
  const answer = configure(abi.takeString(settings, length));
  abi.end();
  return putRefusal(answer);
}
