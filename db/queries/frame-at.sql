-- The frame that a page of an address space mapped at a time, or last before it.
-- :mm address space; :vpn page number; :at_ns when
SELECT frame FROM slot WHERE mm = :mm AND vpn = :vpn AND from_ns <= :at_ns ORDER BY from_ns DESC, slot DESC LIMIT 1;
