import type { Rows } from './messages.js'

/**
 * A whole SQLite database in memory, of tables of whole numbers: https://www.sqlite.org/fileformat2.html, sections 1.3 (the
 * header), 1.6 (b-tree pages) and 2.1 (records). Rows come as doubles, NaN is NULL, the first column is the id.
 */
export interface ImageTable {
  readonly name: string
  /** The statement that makes it. */
  readonly sql: string
  readonly width: number
}

/** The largest that SQLite knows: all leaves of a table hang on one root. */
const PAGE_BYTES = 65_536
const FILE_HEADER_BYTES = 100
const LEAF = 13
const LEAF_HEADER_BYTES = 8
const INTERIOR = 5
const INTERIOR_HEADER_BYTES = 12
/** Of a cell in the directory of its page. */
const POINTER_BYTES = 2
const LONGEST_VARINT_BYTES = 9
const GROWTH_PAGES = 64
/** Bytes of a value, by its serial type. */
const VALUE_BYTES = [0, 1, 2, 3, 4, 6, 8, 0, 0, 0] as const

/** Builds one image after the other; what it returns holds until the next. */
export class ImageBuilder {
  readonly #tables: readonly ImageTable[]
  /** Serial types of the row that is being written. */
  readonly #types: Uint8Array
  #bytes = Buffer.alloc(GROWTH_PAGES * PAGE_BYTES)
  #view = viewOf(this.#bytes)
  #pages = 0
  #version = 0

  constructor(tables: readonly ImageTable[]) {
    this.#tables = tables
    this.#types = new Uint8Array(Math.max(...tables.map(({ width }) => width)))
  }

  /** Rows of each table, by ascending id. Throws a RangeError for what is no whole number, or no ascending id. */
  build(rows: readonly Rows[]): Buffer {
    this.#pages = 0
    this.#newPage(LEAF, FILE_HEADER_BYTES)
    const roots = this.#tables.map(() => this.#newPage(LEAF, 0))
    this.#schema(roots)
    this.#tables.forEach(({ width }, table) => {
      this.#rows(roots[table], width, rows[table])
    })
    this.#header()
    return this.#bytes.subarray(0, this.#pages * PAGE_BYTES)
  }

  #header(): void {
    const header = this.#bytes
    header.write('SQLite format 3\0', 0, 'latin1')
    header.writeUInt16BE(1, 16) // 65,536 bytes a page
    header[18] = header[19] = 1 // no WAL
    header[21] = 64
    header[22] = header[23] = 32
    // Who reads it anew sees by this that all is changed.
    header.writeUInt32BE(++this.#version, 24)
    header.writeUInt32BE(this.#pages, 28)
    header.writeUInt32BE(1, 40) // the schema never changes
    header.writeUInt32BE(4, 44) // format: small integers take no bytes
    header.writeUInt32BE(1, 56) // UTF-8
    header.writeUInt32BE(this.#version, 92)
    header.writeUInt32BE(3_053_002, 96)
  }

  /** The rows of sqlite_schema, on the first page. */
  #schema(roots: readonly number[]): void {
    let end = PAGE_BYTES
    this.#tables.forEach(({ name, sql }, table) => {
      const texts = ['table', name, name].map((text) => Buffer.from(text))
      const statement = Buffer.from(sql)
      const header = Buffer.from([0, ...texts.map(({ length }) => 13 + 2 * length), 4])
      const type = Buffer.alloc(LONGEST_VARINT_BYTES)
      const typeBytes = writeVarint(type, 0, 13 + 2 * statement.length)
      header[0] = header.length + typeBytes
      const root = Buffer.alloc(4)
      root.writeUInt32BE(roots[table] + 1)
      const record = Buffer.concat([header, type.subarray(0, typeBytes), ...texts, root, statement])
      const head = Buffer.alloc(2 * LONGEST_VARINT_BYTES)
      const headBytes = writeVarint(head, writeVarint(head, 0, record.length), table + 1)
      end -= headBytes + record.length
      head.copy(this.#bytes, end, 0, headBytes)
      record.copy(this.#bytes, end + headBytes)
      this.#bytes.writeUInt16BE(end, FILE_HEADER_BYTES + LEAF_HEADER_BYTES + POINTER_BYTES * table)
    })
    this.#endPage(0, FILE_HEADER_BYTES, this.#tables.length, end)
  }

  #rows(root: number, width: number, { rows, values }: Rows): void {
    const leaves: { readonly page: number; readonly lastId: number }[] = []
    let page = root
    let cells = 0
    let end = PAGE_BYTES
    let id = 0
    for (let at = 0; at < rows * width; at += width) {
      if (!(values[at] > id)) throw new RangeError('ids do not ascend')
      const columns = columnsOf(values, at, width)
      const payload = this.#measure(values, at, columns)
      const bytes = varintBytes(payload) + varintBytes(values[at]) + payload
      if (LEAF_HEADER_BYTES + (cells + 1) * POINTER_BYTES > end - bytes) {
        this.#endPage(page, 0, cells, end)
        leaves.push({ page, lastId: id })
        page = this.#newPage(LEAF, 0)
        cells = 0
        end = PAGE_BYTES
      }
      id = values[at]
      end -= bytes
      const start = page * PAGE_BYTES
      this.#view.setUint16(start + LEAF_HEADER_BYTES + cells++ * POINTER_BYTES, end)
      this.#cell(start + end, payload, values, at, columns)
    }
    this.#endPage(page, 0, cells, end)
    if (leaves.length === 0) return
    // The root is where the schema says: its rows move, and it becomes the page above.
    const moved = this.#newPage(LEAF, 0)
    this.#bytes.copyWithin(moved * PAGE_BYTES, root * PAGE_BYTES, (root + 1) * PAGE_BYTES)
    leaves[0] = { page: moved, lastId: leaves[0].lastId }
    this.#interior(root, leaves, page)
  }

  #interior(
    root: number,
    leaves: readonly { readonly page: number; readonly lastId: number }[],
    last: number,
  ) {
    const start = root * PAGE_BYTES
    this.#bytes.fill(0, start, start + PAGE_BYTES)
    this.#bytes[start] = INTERIOR
    let end = PAGE_BYTES
    leaves.forEach(({ page, lastId }, cell) => {
      end -= 4 + varintBytes(lastId)
      if (INTERIOR_HEADER_BYTES + (cell + 1) * POINTER_BYTES > end) throw new RangeError('too many rows')
      this.#bytes.writeUInt32BE(page + 1, start + end)
      writeVarint(this.#bytes, start + end + 4, lastId)
      this.#bytes.writeUInt16BE(end, start + INTERIOR_HEADER_BYTES + cell * POINTER_BYTES)
    })
    this.#endPage(root, 0, leaves.length, end)
    this.#bytes.writeUInt32BE(last + 1, start + 8)
  }

  /** Bytes of the record; notes the type of each value. The id is stored as NULL: the row's number says it. */
  #measure(values: Float64Array, at: number, width: number): number {
    const types = this.#types
    let bytes = 1 + width
    types[0] = 0
    for (let column = 1; column < width; column++) {
      const type = serialType(values[at + column])
      types[column] = type
      bytes += VALUE_BYTES[type]
    }
    return bytes
  }

  /** Whole numbers are written from their highest byte, in two halves where they are longer than 4 bytes. */
  #cell(start: number, payload: number, values: Float64Array, at: number, width: number): void {
    const bytes = this.#bytes
    const view = this.#view
    const types = this.#types
    let end = writeVarint(bytes, writeVarint(bytes, start, payload), values[at])
    bytes[end++] = 1 + width
    for (let column = 0; column < width; column++) bytes[end++] = types[column]
    for (let column = 1; column < width; column++) {
      const value = values[at + column]
      switch (types[column]) {
        case 1:
          bytes[end++] = value
          break
        case 2:
          view.setInt16(end, value)
          end += 2
          break
        case 3:
          bytes[end++] = value >> 16
          view.setInt16(end, value)
          end += 2
          break
        case 4:
          view.setInt32(end, value)
          end += 4
          break
        case 5: {
          const high = Math.floor(value / 2 ** 32)
          view.setInt16(end, high)
          view.setUint32(end + 2, value - high * 2 ** 32)
          end += 6
          break
        }
        case 6: {
          const high = Math.floor(value / 2 ** 32)
          view.setInt32(end, high)
          view.setUint32(end + 4, value - high * 2 ** 32)
          end += 8
          break
        }
      }
    }
  }

  #newPage(type: number, header: number): number {
    const page = this.#pages++
    if (this.#bytes.length < this.#pages * PAGE_BYTES) {
      const larger = Buffer.alloc(this.#bytes.length + GROWTH_PAGES * PAGE_BYTES)
      this.#bytes.copy(larger)
      this.#bytes = larger
      this.#view = viewOf(larger)
    }
    this.#bytes[page * PAGE_BYTES + header] = type
    return page
  }

  /** Its header: where its cells are, and how many. */
  #endPage(page: number, header: number, cells: number, end: number): void {
    const start = page * PAGE_BYTES + header
    this.#bytes.writeUInt16BE(0, start + 1)
    this.#bytes.writeUInt16BE(cells, start + 3)
    this.#bytes.writeUInt16BE(end % PAGE_BYTES, start + 5)
    this.#bytes[start + 7] = 0
  }
}

/** Those behind the last value are left out, as of rows that are older than their columns: they read as NULL, which must be their default. */
function columnsOf(values: Float64Array, at: number, width: number): number {
  let columns = width
  while (columns > 1 && Number.isNaN(values[at + columns - 1])) columns--
  return columns
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/** As small as the value allows; NULL, 0 and 1 take no bytes at all. */
function serialType(value: number): number {
  const small = value | 0
  if (small === value) {
    if (small >>> 0 < 2) return 8 + small
    const size = small < 0 ? ~small : small
    return size < 0x80 ? 1 : size < 0x8000 ? 2 : size < 0x800000 ? 3 : 4
  }
  if (Number.isNaN(value)) return 0
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no whole number`)
  return -(2 ** 47) <= value && value < 2 ** 47 ? 5 : 6
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  let bytes = 3
  for (let rest = Math.floor(value / 0x200000); rest > 0; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}

/** Groups of seven bits, the highest first. Returns where it ends. At most 2^53, so never the ninth byte, which has eight. */
function writeVarint(out: Buffer, start: number, value: number): number {
  if (value < 0x80) {
    out[start] = value
    return start + 1
  }
  const end = start + varintBytes(value)
  let rest = value
  for (let at = end - 1; at >= start; at--) {
    out[at] = (rest & 0x7f) | (at === end - 1 ? 0 : 0x80)
    rest = rest < 0x80000000 ? rest >> 7 : Math.floor(rest / 0x80)
  }
  return end
}
