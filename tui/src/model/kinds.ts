/**
 * Numbers of proto/cowpath/v1/event.proto as constants that the hot path can switch on.
 * kinds.test.ts holds them equal to the generated code.
 */
export const Kind = {
  Unspecified: 0,
  WpFault: 1,
  HugeWp: 2,
  Fork: 3,
  ForkVma: 4,
  ForkCopy: 5,
  Unmap: 6,
  Exec: 7,
  MmExit: 8,
  FrameFree: 9,
  AnonNew: 10,
  HugetlbWp: 11,
  Gup: 12,
  Unpin: 13,
  Wrprotect: 14,
  UffdMessage: 15,
  PmdSplit: 16,
  FolioSplit: 17,
  Collapse: 18,
  SwapOut: 19,
  SwapIn: 20,
  Migrate: 21,
  KsmMerge: 22,
  KsmBreak: 23,
  Remap: 24,
  Snapshot: 25,
} as const
export type Kind = (typeof Kind)[keyof typeof Kind]

export const Outcome = {
  None: 0,
  Reuse: 1,
  Copy: 2,
  Unshare: 3,
  UnshareNoop: 4,
  Shared: 5,
  Uffd: 6,
  Retry: 7,
  Fallback: 8,
  Failed: 9,
} as const
export type Outcome = (typeof Outcome)[keyof typeof Outcome]

/** Bits of the `flags` column. */
export const Flag = {
  Write: 1,
  Unshare: 2,
  Remote: 4,
  User: 8,
  Anon: 16,
  Ksm: 32,
  Exclusive: 64,
  Swapcache: 128,
  Zero: 256,
  File: 512,
  Large: 1024,
  Hugetlb: 2048,
  VmaShared: 4096,
  VmaMaywrite: 8192,
  VmaUffdWp: 16384,
  VmaWipeonfork: 32768,
  MadeExclusive: 65536,
  Lru: 131072,
  VmaAnon: 262144,
  VmaHugetlb: 524288,
  CountsAtDecision: 1048576,
  Writable: 2097152,
  PmdMapped: 4194304,
  UffdWp: 8388608,
  UffdWpAsync: 16777216,
  InGup: 33554432,
  Refused: 67108864,
} as const

/** Bits of `aux` of a GUP (its low 32 bits), and of a fault with `Flag.InGup`: FOLL_ flags in the wire's numbering. */
export const Foll = {
  Write: 1,
  Get: 2,
  Pin: 4,
  Longterm: 8,
  Force: 16,
  Remote: 32,
  Nowait: 64,
  FastOnly: 128,
  Nofault: 256,
  SplitPmd: 512,
  Dump: 1024,
  Fast: 4096,
  File: 8192,
} as const

/** `aux` of a write protection. */
export const Protection = {
  Unspecified: 0,
  Mprotect: 1,
  MprotectWritable: 2,
  UffdWp: 3,
  UffdWpResolve: 4,
  Numa: 5,
  SoftDirty: 6,
  Ksm: 7,
} as const
export type Protection = (typeof Protection)[keyof typeof Protection]

/** Bits of `aux` of a vma that fork copied. */
export const Mapping = {
  None: 0,
  Read: 1,
  Write: 2,
  Exec: 4,
  File: 8,
  Stack: 16,
  Heap: 32,
  Told: 64,
} as const
export type Mapping = (typeof Mapping)[keyof typeof Mapping]

/** `aux` of a userfaultfd message. */
export const UffdReason = { Unspecified: 0, Missing: 1, Wp: 2, Minor: 3 } as const
export type UffdReason = (typeof UffdReason)[keyof typeof UffdReason]
