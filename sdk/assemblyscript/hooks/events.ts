import { render } from "../../assembly/policy";
import { abi } from "../abi";
import { putRendering } from "../answers";
import { Event } from "../policy";

export function events_render(event: i32): usize {
  abi.begin();
  const answer = render(new Event(event));
  abi.end();
  return putRendering(answer);
}
