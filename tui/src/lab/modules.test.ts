import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { moduleInfo, modulesInOrder } from './modules.js'

/** The smallest ELF object that has a .modinfo. */
function module(...fields: string[]): Buffer {
  const names = Buffer.from('\0.modinfo\0.shstrtab\0')
  const info = Buffer.from(fields.join('\0') + '\0')
  const elf = Buffer.alloc(64 + names.length + info.length + 3 * 64)
  elf.write('\x7fELF\x02\x01', 'latin1')
  names.copy(elf, 64)
  info.copy(elf, 64 + names.length)
  const table = 64 + names.length + info.length
  elf.writeBigUInt64LE(BigInt(table), 40)
  elf.writeUInt16LE(64, 58)
  elf.writeUInt16LE(3, 60)
  elf.writeUInt16LE(2, 62)
  const put = (index: number, name: number, offset: number, size: number): void => {
    elf.writeUInt32LE(name, table + index * 64)
    elf.writeBigUInt64LE(BigInt(offset), table + index * 64 + 24)
    elf.writeBigUInt64LE(BigInt(size), table + index * 64 + 32)
  }
  put(1, 1, 64 + names.length, info.length)
  put(2, 10, 64, names.length)
  return elf
}

function tree(modules: Record<string, Buffer>, builtin = ''): string {
  const root = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  mkdirSync(join(root, 'kernel'))
  for (const [name, object] of Object.entries(modules))
    writeFileSync(join(root, 'kernel', `${name}.ko`), object)
  writeFileSync(join(root, 'modules.builtin'), builtin)
  return root
}

const names = (root: string, ...wanted: string[]): string[] =>
  modulesInOrder(root, wanted).map(({ name }) => name)

test('what a module needs comes before it, each once', () => {
  const root = tree({
    ext4: module('depends=jbd2,mbcache', 'softdep=pre: crypto-crc32c'),
    jbd2: module('depends=mbcache'),
    mbcache: module('depends='),
    crc32c_generic: module('license=GPL'),
  })
  expect(names(root, 'ext4', 'jbd2')).toEqual(['crc32c_generic', 'mbcache', 'jbd2', 'ext4'])
})

test('what is built in is not loaded, and dashes are underscores', () => {
  const root = tree({ 'vfio-pci': module('depends=virtio') }, 'kernel/drivers/virtio/virtio.ko\n')
  expect(names(root, 'vfio_pci', 'virtio')).toEqual(['vfio_pci'])
})

test('a missing module is named, with the one that needs it', () => {
  const root = tree({ a: module('depends=b') })
  expect(() => names(root, 'a')).toThrow(/no module b, which a needs/)
  expect(() => modulesInOrder(undefined, ['brd'])).toThrow(/--modules/)
})

test('what the machine would need is taken where it is a module, and else built in', () => {
  const root = tree({ e1000: module('depends=') })
  expect(modulesInOrder(root, [], ['e1000', 'virtio_pci']).map(({ name }) => name)).toEqual(['e1000'])
  expect(modulesInOrder(undefined, [], ['e1000'])).toEqual([])
})

test('modules that need each other do not hang the resolver', () => {
  expect(names(tree({ a: module('depends=b'), b: module('depends=a') }), 'a')).toEqual(['b', 'a'])
})

test('soft dependencies before are kept, those after are not', () => {
  expect(moduleInfo(module('softdep=pre: x y post: z', 'depends=p')).softBefore).toEqual(['x', 'y'])
  expect(moduleInfo(Buffer.from('no module'))).toEqual({ depends: [], softBefore: [] })
})
