import { audience, decide } from "../../assembly/policy";
import { abi } from "../abi";
import { putAnswers, putRule } from "../answers";
import { Channel, Subject } from "../policy";

export function channel_visibility_audience(channel: i32): usize {
  abi.begin();
  const answer = audience(new Channel(channel));
  abi.end();
  return putRule(answer);
}

export function channel_visibility_decide(channel: i32, handles: usize, length: i32): usize {
  abi.begin();
  const subjects = new Array<Subject>(length);
  for (let at = 0; at < length; at++) {
    subjects[at] = new Subject(load<i32>(handles + (<usize>at << 2)));
  }
  if (length) heap.free(handles);
  const answer = decide(new Channel(channel), subjects);
  abi.end();
  return putAnswers(answer);
}
