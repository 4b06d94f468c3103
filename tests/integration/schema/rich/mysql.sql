-- What MySQL alone has; after both.sql.
DELIMITER //

CREATE TABLE modern (id int NOT NULL PRIMARY KEY, body json DEFAULT (json_object('a', 'it\'s', 'b', _latin1'x')), t text DEFAULT ('some \\ \'text\''), d date DEFAULT (curdate() + interval 1 day), n int DEFAULT (5 + 5), p point /*!80003 SRID 4326 */ NOT NULL, name varchar(50) COLLATE utf8mb4_0900_as_cs, tags json, KEY backwards (name DESC, n), KEY lower_name ((lower(name))), KEY mixed (n, (n * 2) DESC), UNIQUE KEY unseen (n) INVISIBLE, SPATIAL KEY p (p), KEY tag ((cast(tags as unsigned array))), CONSTRAINT loose CHECK (n > 0) NOT ENFORCED, CONSTRAINT named CHECK (name <> _utf8mb4'a\'b')) STATS_PERSISTENT=0 KEY_BLOCK_SIZE=8 ROW_FORMAT=COMPRESSED
//

CREATE TABLE parsed (id int NOT NULL PRIMARY KEY, body text, FULLTEXT KEY grams (body) WITH PARSER ngram)
//

CREATE TABLE keyed (id int NOT NULL PRIMARY KEY) PARTITION BY KEY ALGORITHM = 1 (id) PARTITIONS 2
//
