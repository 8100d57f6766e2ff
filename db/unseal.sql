-- Before a recording goes on: what db/seal.sql answered is no longer so. The writer drops the indexes, by their names ix_*.
UPDATE recording SET sealed = 0, answered = 0;
DELETE FROM sealed_total;
DELETE FROM hot_page;
DELETE FROM pin_taker;
DELETE FROM fork_cost;
DELETE FROM heat;
