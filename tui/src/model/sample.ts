/** `is_chosen()` of agent/bpf/sample.bpf.h. */
const FACTOR = 0x9e3779b1

/** Whether an agent that tells the history of one page in so many tells it of this one. */
export function isChosen(vpn: number, onePageIn: number): boolean {
  return onePageIn <= 1 || Math.imul(vpn, FACTOR) >>> 0 < Math.floor(2 ** 32 / onePageIn)
}
