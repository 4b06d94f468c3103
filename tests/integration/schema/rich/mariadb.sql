-- What MariaDB alone has; after both.sql.
DELIMITER //

CREATE SEQUENCE numbers START WITH 100 INCREMENT BY 5 MINVALUE 10 MAXVALUE 100000 CACHE 20 CYCLE
//

CREATE SEQUENCE plain
//

DO nextval(numbers)
//

CREATE TABLE numbered (id int NOT NULL DEFAULT nextval(numbers), t text DEFAULT 'it''s', n int DEFAULT (5 + 5), d date DEFAULT (curdate() + interval 1 day), u uuid DEFAULT uuid(), ip inet6, small int CHECK (small > 0 and n > 1), long_text text COMPRESSED, PRIMARY KEY (id), KEY backwards (n DESC, d), KEY unseen (d) IGNORED, UNIQUE KEY whole_text (t), CONSTRAINT named CHECK (n <> 7))
//

CREATE TABLE kept (id int NOT NULL PRIMARY KEY, v int, w int WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING
//

CREATE TABLE kept_columns (id int NOT NULL PRIMARY KEY, v int, since timestamp(6) GENERATED ALWAYS AS ROW START, until timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING
//

CREATE TABLE kept_apart (id int) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME ( PARTITION old HISTORY, PARTITION cur CURRENT)
//

CREATE TABLE booked (id int NOT NULL, a date NOT NULL, b date NOT NULL, PERIOD FOR stay (a, b), UNIQUE KEY stays (id, stay WITHOUT OVERLAPS))
//

CREATE TABLE aria (id int NOT NULL PRIMARY KEY) ENGINE=Aria TRANSACTIONAL=1 PAGE_CHECKSUM=1
//

CREATE AGGREGATE FUNCTION total_of (x int) RETURNS int NO SQL BEGIN DECLARE s int DEFAULT 0; DECLARE EXIT HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP; END
//

SET sql_mode = ORACLE
//

CREATE FUNCTION theirs (x int) RETURN int DETERMINISTIC AS BEGIN RETURN x; END
//

SET sql_mode = ''
//
