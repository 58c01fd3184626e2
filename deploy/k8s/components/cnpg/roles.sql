-- The roles of the store beside the owner of its tables (telefact), and what they may do with whatever the owner makes
-- later. Run once as a superuser in the store's database, before `telefact-store migrate`; passwords are set elsewhere.
CREATE ROLE telefact_writer LOGIN; -- role ingest
CREATE ROLE telefact_reader LOGIN; -- role rpc, and people who read the views tt.* and core.*
REVOKE ALL ON DATABASE telefact FROM PUBLIC;
GRANT CONNECT ON DATABASE telefact TO telefact_writer, telefact_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE telefact GRANT USAGE ON SCHEMAS TO telefact_writer, telefact_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE telefact GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO telefact_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE telefact GRANT SELECT ON TABLES TO telefact_reader;
