-- Schema 8: blocks of events are packed another way, `event_block.codec` 2.
--
-- Deflating them took a tenth of the writer's time. Brotli at its second lowest quality takes a third of that and as many bytes. A block
-- has two streams now: what is asked of single events (their counts) is in the first, so that the history of a page unpacks only
-- that. Values of 4 bytes are told by differences modulo 2^32, and what grows evenly by its first value and its step.
--
-- No table changes. Blocks of codec 1 are read as before: rows of older schemas are valid as they are. An older cowpath knows no
-- codec 2 and would call such a block damaged, hence a schema of its own.

PRAGMA user_version = 8;
