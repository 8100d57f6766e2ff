-- Schema 5: what the agent of a run left out because it was told to, so that nobody takes a share for the whole; and the word for
-- references on files, which memfd_pin_folios() takes through no slot.

-- Call stacks that it took: 'none', 'kernel', 'user' or 'both'; '': it did not say.
ALTER TABLE run ADD COLUMN stacks TEXT NOT NULL DEFAULT '';
-- Of so many pages it told one; 1: of all.
ALTER TABLE run ADD COLUMN one_page_in INTEGER NOT NULL DEFAULT 1;

INSERT INTO word (topic, number, name) VALUES ('foll', 8192, 'file');

PRAGMA user_version = 5;
