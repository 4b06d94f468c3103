/*M!999999\- enable the sandbox mode */
-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: shop
-- ------------------------------------------------------
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40103 SET TIME_ZONE='+00:00' */;

--
-- Table structure for table `customers`
--

DROP TABLE IF EXISTS `customers`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `customers` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `email` varchar(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `name` varchar(100) DEFAULT NULL COMMENT 'it''s; a name',
  `kind` enum('new','it''s old') NOT NULL DEFAULT 'new',
  `flags` set('a','b') DEFAULT NULL,
  `created` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  `total` decimal(10,2) GENERATED ALWAYS AS (`id` * 2.5) VIRTUAL,
  `doc` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`doc`)),
  PRIMARY KEY (`id`),
  UNIQUE KEY `email` (`email`),
  KEY `name_prefix` (`name`(10) DESC,`kind`),
  FULLTEXT KEY `ft` (`name`),
  CONSTRAINT `chk` CHECK (`id` > 0)
) ENGINE=InnoDB AUTO_INCREMENT=42 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='All; of them'
/*!50100 PARTITION BY RANGE (`id`)
(PARTITION p0 VALUES LESS THAN (100) ENGINE = InnoDB,
 PARTITION p1 VALUES LESS THAN MAXVALUE ENGINE = InnoDB) */;
/*!40101 SET character_set_client = @saved_cs_client */;
LOCK TABLES `customers` WRITE;
/*!40000 ALTER TABLE `customers` DISABLE KEYS */;
INSERT INTO `customers` VALUES
(1,'a@b','O\'Brien; DROP TABLE x; -- /* ','new',NULL,'2024-01-01 00:00:00',NULL,NULL),
(2,'c@d','x','new',NULL,'2024-01-01 00:00:00',NULL,NULL);
/*!40000 ALTER TABLE `customers` ENABLE KEYS */;
UNLOCK TABLES;
/*!50003 SET @saved_cs_client      = @@character_set_client */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER `customers_bi` BEFORE INSERT ON `customers` FOR EACH ROW BEGIN
  IF NEW.name = '' THEN SET NEW.name = NULL; END IF;
END */;;
DELIMITER ;
/*!50001 CREATE VIEW `v` AS SELECT
 1 AS `id` */;
DELIMITER ;;
CREATE DEFINER=`root`@`localhost` PROCEDURE `p`(IN a INT, OUT b VARCHAR(10))
    READS SQL DATA
    COMMENT 'counts'
BEGIN
  SELECT COUNT(*) INTO b FROM customers;
END ;;
DELIMITER ;
CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN x + 1;
CREATE PROCEDURE q() BEGIN DECLARE i INT; CASE i WHEN 1 THEN SET i = 2; END CASE; IF i THEN SET i = 3; END IF; END;
/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `v` AS select `customers`.`id` AS `id` from `customers` */;
ALTER TABLE customers ADD CONSTRAINT fk FOREIGN KEY (kind) REFERENCES kinds (kind), MODIFY name varchar(200) NOT NULL AFTER id;
-- Dump completed
