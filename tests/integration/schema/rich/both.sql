-- Everything that MySQL and MariaDB let one declare alike. For a session with an empty sql_mode, in an empty database.
DELIMITER //

CREATE TABLE customers (
  id bigint unsigned NOT NULL AUTO_INCREMENT,
  code char(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name varchar(100) NOT NULL DEFAULT 'it''s a \\ "new" one\n' COMMENT 'what we call them; it''s ''quoted'' \\ and `ticked`',
  email varchar(200) COLLATE utf8mb4_bin DEFAULT NULL,
  nothing varchar(10) NOT NULL DEFAULT 'NULL',
  blank varchar(10) NOT NULL DEFAULT '',
  level tinyint(1) NOT NULL DEFAULT 0,
  size int(5) unsigned zerofill DEFAULT NULL,
  credit decimal(12,2) NOT NULL DEFAULT -10.50,
  ratio float DEFAULT 1.5,
  factor double DEFAULT 1e10,
  flags bit(5) NOT NULL DEFAULT b'10101',
  kind enum('new','it''s','a,b','c\\d','ünder') NOT NULL DEFAULT 'it''s',
  marks set('x','y','z') DEFAULT 'x,z',
  born date DEFAULT '1970-01-02',
  woken time(3) DEFAULT '08:00:00.500',
  since year DEFAULT 2020,
  raw binary(4) NOT NULL DEFAULT 'ab',
  bytes varbinary(10) DEFAULT 'x\0y',
  odd_bytes varbinary(10) DEFAULT 0xFF00,
  made timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  changed timestamp(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  touched datetime DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP,
  notes text,
  letter mediumtext CHARACTER SET latin1,
  picture longblob,
  token char(36) DEFAULT (uuid()),
  double_name varchar(201) GENERATED ALWAYS AS (concat(name, '\'', code)) VIRTUAL,
  credit_cents bigint GENERATED ALWAYS AS (credit * 100) STORED,
  hidden int INVISIBLE,
  PRIMARY KEY (id),
  UNIQUE KEY email (email),
  KEY zz_name (name(20), level),
  UNIQUE KEY code_level (code, level),
  KEY aa_cents (credit_cents) COMMENT 'an index''s comment',
  FULLTEXT KEY words (name, notes),
  CONSTRAINT level_in_range CHECK (level between 0 and 5 and name <> 'it''s'),
  CHECK (credit > -1000.5)
) ENGINE=InnoDB AUTO_INCREMENT=1001 ROW_FORMAT=DYNAMIC COMMENT='people; it''s them'
//

CREATE TABLE `odd ``name` (`a ``b` int NOT NULL, `select` varchar(20) DEFAULT 'a''b', `mixED` text, PRIMARY KEY (`a ``b`), KEY `in``dex` (`select`)) DEFAULT CHARSET=latin1 COLLATE=latin1_german1_ci
//

CREATE TABLE orders (id int NOT NULL AUTO_INCREMENT, customer bigint unsigned NOT NULL, parent int DEFAULT NULL, code char(8) CHARACTER SET ascii COLLATE ascii_bin, level tinyint(1), total decimal(10,2) DEFAULT 0.00, PRIMARY KEY (id), KEY parent (parent), CONSTRAINT order_customer FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE ON UPDATE CASCADE, CONSTRAINT order_parent FOREIGN KEY (parent) REFERENCES orders (id) ON DELETE SET NULL, FOREIGN KEY (code, level) REFERENCES customers (code, level))
//

CREATE TABLE counted (tag int NOT NULL, n int NOT NULL AUTO_INCREMENT, KEY by_n (n))
//

CREATE TABLE older (id int NOT NULL, b varchar(10), KEY b (b) USING HASH) ENGINE=MEMORY
//

CREATE TABLE myisam (a int NOT NULL, b int NOT NULL AUTO_INCREMENT, t text, PRIMARY KEY (a, b), FULLTEXT KEY t (t)) ENGINE=MyISAM PACK_KEYS=1 CHECKSUM=1 DELAY_KEY_WRITE=1 MAX_ROWS=1000 MIN_ROWS=10
//

CREATE TABLE by_range (id int NOT NULL, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (year(at)) ( PARTITION p0 VALUES LESS THAN (2000) COMMENT = 'old ones', PARTITION p1 VALUES LESS THAN (2020), PARTITION rest VALUES LESS THAN MAXVALUE)
//

CREATE TABLE by_columns (a int NOT NULL, b varchar(10) NOT NULL, c int) PARTITION BY RANGE COLUMNS(a, b) ( PARTITION p0 VALUES LESS THAN (5, 'it''s'), PARTITION p1 VALUES LESS THAN (10, MAXVALUE), PARTITION p2 VALUES LESS THAN (MAXVALUE, MAXVALUE))
//

CREATE TABLE by_list (id int NOT NULL, kind int) PARTITION BY LIST (kind) ( PARTITION odd VALUES IN (1, 3, 5), PARTITION even VALUES IN (2, 4, NULL))
//

CREATE TABLE by_list_columns (a varchar(10), b int) PARTITION BY LIST COLUMNS(a, b) ( PARTITION p0 VALUES IN (('x', 1), ('y', 2)), PARTITION p1 VALUES IN (('z', 3), (NULL, NULL)))
//

CREATE TABLE by_hash (id int NOT NULL PRIMARY KEY) PARTITION BY LINEAR HASH (id * 2) PARTITIONS 4
//

CREATE TABLE by_key (id int NOT NULL PRIMARY KEY, t varchar(10)) PARTITION BY KEY () PARTITIONS 3
//

CREATE TABLE by_both (id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (to_days(at)) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 ( PARTITION p0 VALUES LESS THAN (730000), PARTITION p1 VALUES LESS THAN MAXVALUE)
//

CREATE TABLE by_named (id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (to_days(at)) SUBPARTITION BY KEY (id) ( PARTITION p0 VALUES LESS THAN (730000) (SUBPARTITION s0, SUBPARTITION s1), PARTITION p1 VALUES LESS THAN MAXVALUE (SUBPARTITION s2, SUBPARTITION s3))
//

CREATE TABLE places (id int NOT NULL PRIMARY KEY, at point NOT NULL, area polygon, SPATIAL KEY at (at))
//

CREATE TABLE documents (id int NOT NULL PRIMARY KEY, body json DEFAULT NULL, more json NOT NULL)
//

CREATE FUNCTION tax (amount decimal(10,2), rate int) RETURNS decimal(10,2) DETERMINISTIC NO SQL SQL SECURITY INVOKER COMMENT 'it''s the tax' RETURN amount * rate / 100
//

CREATE FUNCTION shout (t varchar(20) CHARSET latin1) RETURNS varchar(30) CHARSET latin1 NO SQL
RETURN concat(t, '!')
//

CREATE PROCEDURE settle (IN p_order int, INOUT p_sum decimal(10,2), OUT p_kind enum('a,(b','c'))
    MODIFIES SQL DATA
BEGIN
  -- it's; a comment
  DECLARE n int DEFAULT 0;
  SELECT count(*) INTO n FROM orders WHERE id = p_order;
  IF n > 0 THEN UPDATE orders SET total = p_sum WHERE id = p_order; END IF;
  SET p_kind = 'c';
END
//

CREATE PROCEDURE nothing (IN `select` int) BEGIN END
//

CREATE TRIGGER second_one BEFORE INSERT ON orders FOR EACH ROW SET NEW.total = ifnull(NEW.total, 0)
//

CREATE TRIGGER first_one BEFORE INSERT ON orders FOR EACH ROW PRECEDES second_one
BEGIN
  IF NEW.total < 0 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'it''s negative'; END IF;
END
//

CREATE TRIGGER after_all AFTER DELETE ON customers FOR EACH ROW DELETE FROM counted WHERE n = OLD.level
//

CREATE VIEW z_first AS SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer
//

CREATE VIEW a_last AS SELECT v.id, tax(v.total, 7) AS tax FROM z_first v WHERE v.total > 5
//

CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW z_checked (number, t) AS SELECT id, total FROM orders WHERE total > 0 WITH LOCAL CHECK OPTION
//

CREATE VIEW z_cascaded AS SELECT id, name FROM customers WHERE name LIKE 'a\_%' OR name = 'it''s' WITH CASCADED CHECK OPTION
//

CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE COMMENT 'it''s tidy' DO DELETE FROM counted WHERE n = 0
//
