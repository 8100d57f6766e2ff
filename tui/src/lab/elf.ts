/** What a file is to the guest's kernel. */
export type Program = 'static' | 'dynamic' | 'script' | 'foreign' | 'data'

const ET_EXEC = 2
const ET_DYN = 3
const EM_X86_64 = 62
const PT_INTERP = 3

/** Judges a file by its first bytes; never throws, whatever they are (layout: elf(5)). */
export function programKind(bytes: Buffer): Program {
  if (bytes.length > 2 && bytes.toString('latin1', 0, 2) === '#!') return 'script'
  if (bytes.length < 64 || bytes.toString('latin1', 0, 4) !== '\x7fELF') return 'data'
  const type = bytes.readUInt16LE(16)
  if (bytes[4] !== 2 || bytes[5] !== 1 || bytes.readUInt16LE(18) !== EM_X86_64) return 'foreign'
  if (type !== ET_EXEC && type !== ET_DYN) return 'data'
  const table = Number(bytes.readBigUInt64LE(32))
  const [size, count] = [bytes.readUInt16LE(54), bytes.readUInt16LE(56)]
  for (let at = table, i = 0; i < count && at + 4 <= bytes.length; i++, at += size) {
    if (bytes.readUInt32LE(at) === PT_INTERP) return 'dynamic'
  }
  return 'static'
}

/** Sections by name that a relocatable object (a kernel module) holds; only the one asked for is looked at. */
export function section(elf: Buffer, name: string): Buffer | undefined {
  if (elf.length < 64 || elf.toString('latin1', 0, 4) !== '\x7fELF' || elf[4] !== 2) return undefined
  const table = Number(elf.readBigUInt64LE(40))
  const [size, count, namesIndex] = [elf.readUInt16LE(58), elf.readUInt16LE(60), elf.readUInt16LE(62)]
  const header = (index: number): { name: number; bytes: Buffer } | undefined => {
    const at = table + index * size
    if (size < 64 || at + 64 > elf.length) return undefined
    const offset = Number(elf.readBigUInt64LE(at + 24))
    return {
      name: elf.readUInt32LE(at),
      bytes: elf.subarray(offset, offset + Number(elf.readBigUInt64LE(at + 32))),
    }
  }
  const names = header(namesIndex)?.bytes
  if (!names) return undefined
  for (let i = 0; i < count; i++) {
    const found = header(i)
    if (!found) return undefined
    const end = names.indexOf(0, found.name)
    if (names.toString('latin1', found.name, end < 0 ? names.length : end) === name) return found.bytes
  }
  return undefined
}
