CREATE TABLE `customer` (
  `id` int unsigned NOT NULL AUTO_INCREMENT,
  `email` varchar(120) NOT NULL,
  `first_name` varchar(40) DEFAULT NULL,
  `last_name` varchar(40) NOT NULL DEFAULT 'O''Neil \\ "quoted"',
  `full_name` varchar(90) GENERATED ALWAYS AS (concat(`first_name`,' ',`last_name`)) STORED,
  `email_lower` varchar(120) GENERATED ALWAYS AS (lower(`email`)) VIRTUAL,
  `initial` char(1) GENERATED ALWAYS AS (left(`last_name`,1)) STORED,
  `status` varchar(10) NOT NULL DEFAULT 'new',
  `grade` enum('gold','silver','it''s') NOT NULL DEFAULT 'silver',
  `flags` set('a','b','c') NOT NULL DEFAULT 'a,c',
  `score` int NOT NULL DEFAULT '-1',
  `bonus` int DEFAULT NULL,
  `best` int GENERATED ALWAYS AS (greatest(`score`,`bonus`)) STORED,
  `share` decimal(12,4) GENERATED ALWAYS AS (`score` / 7) STORED,
  `rest` int GENERATED ALWAYS AS (`score` % 7) STORED,
  `kind` varchar(10) GENERATED ALWAYS AS (if(`score` > 100,'high','low')) STORED,
  `bonus_or_zero` int GENERATED ALWAYS AS (ifnull(`bonus`,0)) STORED,
  `name_bytes` int GENERATED ALWAYS AS (length(`last_name`)) STORED,
  `name_characters` int GENERATED ALWAYS AS (char_length(`last_name`)) STORED,
  `active` tinyint(1) NOT NULL DEFAULT '1',
  `mask` bit(8) NOT NULL DEFAULT b'101',
  `token` char(36) NOT NULL DEFAULT (uuid()),
  `tags` json DEFAULT (json_array()),
  `born` date DEFAULT '1999-12-31',
  `joined` date NOT NULL DEFAULT (curdate()),
  `created` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  `changed` timestamp NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  `created_year` int GENERATED ALWAYS AS (year(`created`)) STORED,
  `parent_id` int unsigned DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `email` (`email`),
  UNIQUE KEY `name_start` (`last_name`(12),`score`),
  UNIQUE KEY `nothing_twice` (`first_name`,`bonus`),
  KEY `newest` (`created` DESC,`id`),
  KEY `hidden` (`score`) IGNORED,
  FULLTEXT KEY `words` (`first_name`,`last_name`),
  CONSTRAINT `customer_parent` FOREIGN KEY (`parent_id`) REFERENCES `customer` (`id`) ON DELETE SET NULL,
  CONSTRAINT `status_known` CHECK ((`status` in ('new','active','closed'))),
  CONSTRAINT `email_form` CHECK ((`email` like '%1%')),
  CONSTRAINT `score_range` CHECK ((`score` between -1000 and 2147483647)),
  CONSTRAINT `name_long_enough` CHECK ((char_length(`last_name`) >= 1)),
  CONSTRAINT `born_before` CHECK ((`born` < `joined` + interval 100 year))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='Who buys; "everybody"';

CREATE TABLE `Order` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `customer id` int unsigned NOT NULL COMMENT 'who',
  `group` varchar(20) CHARACTER SET latin1 COLLATE latin1_general_cs DEFAULT NULL,
  `key` varbinary(32) DEFAULT NULL,
  `fixed` binary(8) DEFAULT NULL,
  `quantity` smallint unsigned NOT NULL DEFAULT '1',
  `small` tinyint unsigned DEFAULT NULL,
  `medium` mediumint DEFAULT NULL,
  `huge` bigint unsigned DEFAULT '18446744073709551615',
  `price` decimal(10,2) NOT NULL DEFAULT '0.00',
  `exact` decimal(40,20) DEFAULT NULL,
  `rate` float DEFAULT NULL,
  `precise` double DEFAULT '0.5',
  `total` decimal(15,2) GENERATED ALWAYS AS (`quantity` * `price`) STORED,
  `half` decimal(14,4) GENERATED ALWAYS AS (`quantity` / 2) VIRTUAL,
  `whole` int GENERATED ALWAYS AS (`quantity` DIV 2) STORED,
  `rounded` decimal(10,1) GENERATED ALWAYS AS (round(`price`,1)) STORED,
  `noted` varchar(60) GENERATED ALWAYS AS (coalesce(`group`,'none')) STORED,
  `opens` time NOT NULL DEFAULT '08:30:00',
  `season` year DEFAULT NULL,
  `starts` datetime NOT NULL,
  `ends` datetime DEFAULT NULL,
  `doc` json DEFAULT NULL,
  `doc_name` varchar(100) GENERATED ALWAYS AS (json_unquote(json_extract(`doc`,'$.text'))) VIRTUAL,
  `note` text,
  `big` longblob,
  PRIMARY KEY (`id`),
  UNIQUE KEY `a_name_for_a_key_that_is_exactly_as_long_as_mysql_lets_it_be_ok1` (`customer id`,`starts`,`quantity`),
  UNIQUE KEY `group_key` (`group`,`key`),
  KEY `note_start` (`note`(20)),
  CONSTRAINT `order_customer` FOREIGN KEY (`customer id`) REFERENCES `customer` (`id`) ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT `price_positive` CHECK ((`price` >= 0)),
  CONSTRAINT `ends_later` CHECK (((`ends` is null) or (`ends` > `starts`))),
  CONSTRAINT `one_of_both` CHECK (((`group` is not null) or (`key` is not null))),
  CONSTRAINT `even_or_small` CHECK ((((`quantity` % 2) = 0) or (`quantity` / 2 < 30000)))
) ENGINE=InnoDB AUTO_INCREMENT=5000 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `line` (
  `order_id` bigint NOT NULL,
  `no` int NOT NULL,
  `sku` varchar(30) COLLATE utf8mb4_bin NOT NULL,
  `warehouse` char(3) NOT NULL DEFAULT 'WH1',
  PRIMARY KEY (`order_id`,`no`),
  UNIQUE KEY `sku` (`sku`),
  KEY `place` (`warehouse`,`sku`),
  CONSTRAINT `line_order` FOREIGN KEY (`order_id`) REFERENCES `Order` (`id`) ON DELETE RESTRICT
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `shipment` (
  `order_id` bigint NOT NULL,
  `no` int NOT NULL,
  `parcel` int NOT NULL,
  `kg` decimal(6,3) DEFAULT NULL,
  PRIMARY KEY (`order_id`,`no`,`parcel`),
  CONSTRAINT `shipment_line` FOREIGN KEY (`order_id`,`no`) REFERENCES `line` (`order_id`,`no`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `measure` (
  `at` datetime NOT NULL,
  `sensor` int NOT NULL,
  `reading` double NOT NULL,
  PRIMARY KEY (`at`,`sensor`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
 PARTITION BY RANGE (year(`at`))
(PARTITION p1980 VALUES LESS THAN (1980),
 PARTITION p2000 VALUES LESS THAN (2000),
 PARTITION rest VALUES LESS THAN MAXVALUE);

CREATE TABLE `event` (
  `id` int NOT NULL,
  `day` date NOT NULL,
  `text` varchar(50) DEFAULT NULL,
  PRIMARY KEY (`id`,`day`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
 PARTITION BY RANGE COLUMNS(`day`)
(PARTITION early VALUES LESS THAN ('2000-01-01'),
 PARTITION late VALUES LESS THAN (MAXVALUE));

CREATE TABLE `bucket` (
  `id` int NOT NULL,
  `v` int DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
 PARTITION BY HASH (`id`) PARTITIONS 4;

CREATE TABLE `no_key` (
  `a` int DEFAULT NULL,
  `b` varchar(20) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE VIEW `open_orders` AS select `o`.`id` AS `id`,`c`.`email` AS `email`,`o`.`total` AS `total` from (`Order` `o` join `customer` `c` on((`c`.`id` = `o`.`customer id`))) where (`o`.`ends` is null);

CREATE VIEW `per_customer` AS select `customer id` AS `customer`,count(0) AS `orders`,sum(`price`) AS `paid`,max(`starts`) AS `latest` from `Order` group by `customer id`;

DELIMITER ;;
CREATE FUNCTION `vat`(amount decimal(10,2)) RETURNS decimal(10,2)
    DETERMINISTIC
return amount * 0.19 ;;
CREATE PROCEDURE `close_orders`(in day date)
begin
  update `Order` set ends = now() where ends is null and starts < day;
end ;;
CREATE TRIGGER `line_upper` BEFORE INSERT ON `line` FOR EACH ROW set new.`warehouse` = upper(new.`warehouse`) ;;
DELIMITER ;
