/** The agent on this host: its size, and what it takes. Usage: node tui/dist/bench/agent.js */
import { benchAgent } from './end-to-end.js'
import { printTable } from './table.js'

printTable('agent', await benchAgent())
