-- What PostgreSQL 18 has besides what postgres_shop.sql has: all of it is kept by another PostgreSQL 18, or named.
-- A statement ends with a line that is a semicolon alone.
CREATE EXTENSION vector
;
CREATE COLLATION ci (provider = libc, locale = 'C')
;
CREATE COLLATION german (provider = builtin, locale = 'C.UTF-8')
;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s')
;
CREATE DOMAIN pos AS integer CHECK (VALUE > 0)
;
CREATE DOMAIN pos_small AS pos DEFAULT 1 CONSTRAINT small CHECK (VALUE < 100)
;
CREATE DOMAIN pos_array AS integer[] CHECK (array_length(VALUE, 1) < 10)
;
CREATE DOMAIN email AS text COLLATE "C" CHECK (VALUE ~ '^[^@]+@[^@]+$') NOT NULL
;
CREATE TYPE addr AS (street text, zip varchar(10), m mood)
;
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi)
;
CREATE SEQUENCE shared_seq START 1000 INCREMENT 5 CACHE 10
;
SELECT nextval('shared_seq')
;
CREATE SEQUENCE cyc MINVALUE 1 MAXVALUE 3 CYCLE
;
SELECT nextval('cyc')
;
SELECT nextval('cyc')
;
CREATE SEQUENCE down INCREMENT -1 MINVALUE -10 MAXVALUE -1
;
SELECT nextval('down')
;
CREATE SEQUENCE untouched
;
CREATE SEQUENCE small AS smallint
;
CREATE UNLOGGED SEQUENCE unlogged_seq
;
CREATE TABLE people (
  id bigint GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 2 MINVALUE 5 MAXVALUE 100000 CACHE 3 CYCLE) PRIMARY KEY,
  other_id integer DEFAULT nextval('shared_seq'),
  name varchar(50) NOT NULL,
  "Mixed.Dot" text,
  "select" integer DEFAULT 5,
  "quo""te" text,
  "naïve ✓" text,
  mail email,
  m mood DEFAULT 'ok',
  ms mood[] DEFAULT '{sad,ok}',
  p pos_small,
  pa pos_array,
  a addr,
  aa addr[],
  r int4range,
  mr nummultirange,
  fr floatrange,
  virt integer GENERATED ALWAYS AS ("select" * 2) VIRTUAL,
  stored text GENERATED ALWAYS AS (upper(name)) STORED,
  ci_name text COLLATE ci,
  de_name text COLLATE german,
  c_name text COLLATE "C",
  emb vector(3),
  j jsonb DEFAULT '{"a": [1, 2, {"b": null}]}'::jsonb,
  x xml,
  ts timestamptz DEFAULT now() NOT NULL,
  iv interval DEFAULT '1 day 02:00:00',
  bits bit varying(8) DEFAULT B'101',
  money_ money DEFAULT 12.34,
  ip inet DEFAULT '10.0.0.1',
  mac macaddr,
  tsv tsvector GENERATED ALWAYS AS (to_tsvector('english', name)) STORED,
  u uuid DEFAULT gen_random_uuid(),
  u7 uuid DEFAULT uuidv7(),
  big text DEFAULT repeat('x', 10000),
  pt point,
  o oid,
  rc regclass,
  b bytea DEFAULT '\xdeadbeef',
  arr integer[][] DEFAULT '{{1,2},{3,4}}',
  UNIQUE (name, "select") INCLUDE (ts),
  CONSTRAINT def_u UNIQUE (other_id) DEFERRABLE INITIALLY IMMEDIATE,
  CONSTRAINT chk CHECK (name <> '' AND "select" > 0),
  CONSTRAINT chk_ne CHECK (length(name) < 40) NOT ENFORCED,
  CONSTRAINT excl EXCLUDE USING gist (r WITH &&) WHERE (r IS NOT NULL) DEFERRABLE
)
;
CREATE UNIQUE INDEX people_active ON people (name) WHERE "select" = 5
;
CREATE UNIQUE INDEX people_nnd ON people (mail, p) NULLS NOT DISTINCT
;
CREATE INDEX people_lower ON people (lower(name) text_pattern_ops DESC NULLS LAST, c_name COLLATE "POSIX") INCLUDE (m)
;
CREATE INDEX people_gin ON people USING gin (j jsonb_path_ops) WITH (fastupdate = off)
;
CREATE INDEX people_brin ON people USING brin (ts timestamptz_minmax_multi_ops(values_per_range=16)) WITH (pages_per_range=32, autosummarize=on)
;
CREATE INDEX people_gist ON people USING gist (r range_ops, pt)
;
CREATE INDEX people_hash ON people USING hash (c_name)
;
CREATE INDEX people_spgist ON people USING spgist (pt)
;
CREATE INDEX people_hnsw ON people USING hnsw (emb vector_l2_ops) WITH (m = 8)
;
CREATE INDEX people_ff ON people (ts) WITH (fillfactor = 70, deduplicate_items = off)
;
ALTER INDEX people_lower ALTER COLUMN 1 SET STATISTICS 500
;
ALTER TABLE people ALTER COLUMN name SET STATISTICS 300, ALTER COLUMN x SET STORAGE EXTERNAL, ALTER COLUMN big SET COMPRESSION pglz, ALTER COLUMN name SET (n_distinct = -0.5)
;
ALTER TABLE people SET (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false, toast_tuple_target = 4000)
;
ALTER TABLE people CLUSTER ON people_ff
;
COMMENT ON TABLE people IS 'People''s "table" \ back'
;
COMMENT ON COLUMN people."naïve ✓" IS 'unicode ✓'
;
COMMENT ON INDEX people_ff IS 'idx'
;
COMMENT ON CONSTRAINT chk ON people IS 'chk comment'
;
COMMENT ON CONSTRAINT excl ON people IS 'excl comment'
;
COMMENT ON CONSTRAINT def_u ON people IS 'def_u comment'
;
COMMENT ON TYPE mood IS 'mood'
;
COMMENT ON TYPE addr IS 'addr'
;
COMMENT ON COLUMN addr.zip IS 'zip'
;
COMMENT ON DOMAIN email IS 'email'
;
COMMENT ON SEQUENCE shared_seq IS 'shared'
;
COMMENT ON COLLATION ci IS 'ci'
;
COMMENT ON EXTENSION vector IS 'own text'
;
CREATE TABLE others (id smallserial PRIMARY KEY, other integer DEFAULT nextval('shared_seq'::regclass), person bigint REFERENCES people ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED, cyc_no integer DEFAULT nextval('cyc'), unowned integer)
;
CREATE SEQUENCE owned_not_default OWNED BY others.unowned
;
CREATE TABLE rooms (id int4range, during tstzrange, name text, PRIMARY KEY (id, during WITHOUT OVERLAPS))
;
CREATE TABLE bookings (id int, room int4range, during tstzrange, UNIQUE (room, during WITHOUT OVERLAPS), CONSTRAINT bk_room FOREIGN KEY (room, PERIOD during) REFERENCES rooms (id, PERIOD during))
;
COMMENT ON CONSTRAINT bk_room ON bookings IS 'period fk'
;
CREATE TABLE ne (id int PRIMARY KEY, p bigint, CONSTRAINT ne_fk FOREIGN KEY (p) REFERENCES people NOT ENFORCED, CONSTRAINT ne_nv FOREIGN KEY (id) REFERENCES ne NOT VALID)
;
CREATE TABLE animals (id int PRIMARY KEY, name text NOT NULL, CHECK (name <> ''))
;
CREATE TABLE birds (wings int DEFAULT 2) INHERITS (animals)
;
CREATE TABLE logs (id bigint GENERATED BY DEFAULT AS IDENTITY, day date NOT NULL, region text NOT NULL, body text, PRIMARY KEY (id, day, region)) PARTITION BY RANGE (day)
;
CREATE TABLE logs_2023 PARTITION OF logs FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')
;
CREATE TABLE logs_2024 PARTITION OF logs FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (region)
;
CREATE TABLE logs_2024_eu PARTITION OF logs_2024 FOR VALUES IN ('eu', 'uk', NULL)
;
CREATE TABLE logs_2024_rest PARTITION OF logs_2024 DEFAULT
;
CREATE TABLE logs_def (id bigint NOT NULL, day date NOT NULL, region text NOT NULL, body text DEFAULT 'attached', zz_dropped int)
;
ALTER TABLE logs_def DROP COLUMN zz_dropped
;
CREATE INDEX logs_def_own ON logs_def (body)
;
ALTER TABLE logs ATTACH PARTITION logs_def DEFAULT
;
CREATE INDEX logs_body ON logs (body)
;
CREATE TABLE hashed (a int PRIMARY KEY, b text) PARTITION BY HASH (a)
;
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0) WITH (fillfactor = 60)
;
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1)
;
CREATE TABLE listed (a int, k mood) PARTITION BY LIST (k)
;
CREATE TABLE listed_sad PARTITION OF listed FOR VALUES IN ('sad')
;
CREATE TABLE expr_part (a timestamptz) PARTITION BY RANGE (date_trunc('day', a AT TIME ZONE 'UTC'))
;
COMMENT ON TABLE logs_2023 IS 'part comment'
;
COMMENT ON COLUMN logs_2023.body IS 'part col comment'
;
COMMENT ON INDEX logs_def_own IS 'part index comment'
;
ALTER TABLE logs_2023 ADD CONSTRAINT logs_2023_chk CHECK (body <> 'no')
;
COMMENT ON CONSTRAINT logs_2023_chk ON logs_2023 IS 'part check comment'
;
CREATE UNLOGGED TABLE unlogged_t (id int PRIMARY KEY, v text)
;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.ts := now(); UPDATE public.others SET unowned = 1 WHERE id = 3; RETURN NEW; END $$
;
CREATE FUNCTION ptouch() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$ BEGIN RETURN NEW; END $$
;
CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION touch()
;
CREATE TRIGGER part_trg BEFORE INSERT ON logs_2023 FOR EACH ROW EXECUTE FUNCTION ptouch()
;
COMMENT ON TRIGGER part_trg ON logs_2023 IS 'trigger on partition'
;
CREATE TRIGGER root_trg AFTER INSERT ON logs FOR EACH ROW EXECUTE FUNCTION ptouch()
;
ALTER TABLE logs_2024_eu DISABLE TRIGGER root_trg
;
CREATE TRIGGER stmt AFTER DELETE ON people REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ptouch()
;
CREATE CONSTRAINT TRIGGER ctrg AFTER INSERT ON others DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ptouch()
;
CREATE FUNCTION count_people() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM public.people'
;
CREATE FUNCTION atomic_people() RETURNS SETOF people LANGUAGE sql BEGIN ATOMIC SELECT * FROM people WHERE id > 0; END
;
CREATE FUNCTION dyn() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM public.others'; END $$
;
CREATE FUNCTION tbl() RETURNS TABLE (id bigint, n text) LANGUAGE plpgsql ROWS 10 COST 5 AS $$ BEGIN RETURN QUERY SELECT p.id, p.name FROM public.people p; END $$
;
CREATE PROCEDURE clean(IN days integer, INOUT done bigint DEFAULT 0) LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN DELETE FROM public.logs WHERE day < now() - days * interval '1 day'; END $$
;
CREATE FUNCTION sfunc(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT coalesce($1 || '','' , '''') || $2'
;
CREATE AGGREGATE glue(text) (SFUNC = sfunc, STYPE = text, PARALLEL = SAFE)
;
CREATE AGGREGATE my_perc(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA)
;
CREATE FUNCTION op_eq(addr, addr) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1).zip = ($2).zip'
;
CREATE OPERATOR === (LEFTARG = addr, RIGHTARG = addr, FUNCTION = op_eq, COMMUTATOR = ===)
;
CREATE FUNCTION text_to_addr(text) RETURNS addr LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1, '''', NULL)::addr'
;
CREATE CAST (text AS addr) WITH FUNCTION text_to_addr(text) AS ASSIGNMENT
;
CREATE VIEW v_people AS SELECT id, name, "Mixed.Dot", m FROM people WHERE "select" > 1 WITH CASCADED CHECK OPTION
;
CREATE VIEW v_sec WITH (security_invoker = true, security_barrier) AS SELECT v.id, count(*) AS n FROM v_people v JOIN others o ON o.person = v.id GROUP BY v.id
;
ALTER VIEW v_people ALTER COLUMN name SET DEFAULT 'from view'
;
COMMENT ON VIEW v_people IS 'view comment'
;
COMMENT ON COLUMN v_people.name IS 'view column comment'
;
CREATE MATERIALIZED VIEW mv AS SELECT region, count(*) AS n FROM logs GROUP BY region
;
CREATE UNIQUE INDEX mv_region ON mv (region)
;
CREATE MATERIALIZED VIEW mv_empty WITH (fillfactor = 50) AS SELECT * FROM mv WITH NO DATA
;
COMMENT ON MATERIALIZED VIEW mv IS 'mv comment'
;
CREATE RULE no_del AS ON DELETE TO others DO INSTEAD NOTHING
;
CREATE RULE v_ins AS ON INSERT TO v_sec DO INSTEAD INSERT INTO others (unowned) VALUES (1)
;
COMMENT ON RULE no_del ON others IS 'rule comment'
;
ALTER TABLE others ENABLE ROW LEVEL SECURITY
;
ALTER TABLE others FORCE ROW LEVEL SECURITY
;
CREATE POLICY pol ON others FOR SELECT TO pg_monitor USING (person = 1)
;
CREATE POLICY pol2 ON others AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (unowned > 0)
;
COMMENT ON POLICY pol ON others IS 'policy comment'
;
CREATE STATISTICS st (ndistinct, dependencies) ON name, "select" FROM people
;
CREATE STATISTICS st_expr ON (lower(name)), (id % 10) FROM people
;
ALTER STATISTICS st SET STATISTICS 250
;
COMMENT ON STATISTICS st IS 'stats comment'
;
CREATE FUNCTION evt() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$
;
CREATE EVENT TRIGGER ev ON ddl_command_end WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION evt()
;
ALTER EVENT TRIGGER ev DISABLE
;
CREATE TEXT SEARCH CONFIGURATION mycfg (COPY = simple)
;
CREATE TEXT SEARCH DICTIONARY mydict (TEMPLATE = simple, stopwords = 'english')
;
CREATE PUBLICATION pub FOR TABLE people (id, name) WHERE (id > 0)
;
GRANT SELECT, INSERT ON people TO pg_monitor
;
GRANT SELECT (name) ON people TO pg_monitor WITH GRANT OPTION
;
GRANT EXECUTE ON FUNCTION count_people() TO pg_monitor
;
REVOKE EXECUTE ON FUNCTION dyn() FROM PUBLIC
;
GRANT USAGE ON SEQUENCE shared_seq TO pg_monitor
;
GRANT USAGE ON SCHEMA public TO pg_monitor
;
GRANT USAGE ON TYPE mood TO pg_monitor
;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO pg_monitor
;
ALTER TABLE others OWNER TO pg_monitor
;
ALTER FUNCTION dyn() OWNER TO pg_monitor
;
CREATE FOREIGN DATA WRAPPER fdw
;
CREATE SERVER srv FOREIGN DATA WRAPPER fdw OPTIONS (host 'x')
;
CREATE USER MAPPING FOR pg_monitor SERVER srv OPTIONS (user 'u')
;
CREATE FOREIGN TABLE ft (id int OPTIONS (column_name 'ID'), v text) SERVER srv OPTIONS (table_name 't')
;
COMMENT ON FOREIGN TABLE ft IS 'foreign'
;
CREATE ACCESS METHOD myheap TYPE TABLE HANDLER heap_tableam_handler
;
CREATE TABLE am_t (id int PRIMARY KEY) USING myheap
;
CREATE TABLE "Weird.Name ""q"" ✓" ("ID" int PRIMARY KEY, "from" text, "a.b" int, CONSTRAINT "C.h""k" CHECK ("a.b" > 0))
;
CREATE INDEX "Idx ✓.""x" ON "Weird.Name ""q"" ✓" ("from")
;
CREATE TABLE "user" ("order" int PRIMARY KEY, "group" text, "table" text DEFAULT 'public.people', "end" int)
;
CREATE TABLE no_cols ()
;
CREATE TABLE of_type OF addr (PRIMARY KEY (street))
;
ALTER TABLE people REPLICA IDENTITY FULL
;
CREATE TABLE ri (id int NOT NULL, v text)
;
CREATE UNIQUE INDEX ri_idx ON ri (id)
;
ALTER TABLE ri REPLICA IDENTITY USING INDEX ri_idx
;
CREATE TABLE nn (id int PRIMARY KEY, a int CONSTRAINT a_named_nn NOT NULL, b int)
;
ALTER TABLE nn ADD CONSTRAINT b_nv NOT NULL b NOT VALID
;
COMMENT ON CONSTRAINT a_named_nn ON nn IS 'named not null'
;
SELECT lo_create(4711)
;
COMMENT ON CONSTRAINT small ON DOMAIN pos_small IS 'domain check comment'
;
CREATE FUNCTION add_tax(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1'
;
COMMENT ON FUNCTION add_tax(integer) IS 'overloaded comment'
;
COMMENT ON INDEX mv_region IS 'materialized index comment'
;
CREATE FUNCTION sealed(integer) RETURNS integer LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT $1'
;
