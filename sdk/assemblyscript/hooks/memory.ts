import { abi } from "../abi";

export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  return abi.realloc(old, oldSize, align, size);
}
