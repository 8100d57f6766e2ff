import type { TableOptions } from './table.js'
import { signs, type ViewOptions } from './view-options.js'

/** A list on the screen, with the row under the cursor among those given. */
export interface ListOptions extends ViewOptions {
  readonly selected?: number
}

/** The same for `renderTable`, of a list that is not sorted by a column. */
export function tableOptions({ width, charset, selected }: ListOptions): TableOptions {
  return {
    width,
    sortMark: '',
    cutMark: signs(charset).cut,
    ...(selected === undefined ? {} : { selected }),
  }
}
