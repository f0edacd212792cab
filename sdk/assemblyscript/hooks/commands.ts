import { authorize } from "../../assembly/policy";
import { abi } from "../abi";
import { putVerdict } from "../answers";
import { Command } from "../policy";

export function commands_authorize(command: i32): usize {
  abi.begin();
  const answer = authorize(new Command(command));
  abi.end();
  return putVerdict(answer);
}
