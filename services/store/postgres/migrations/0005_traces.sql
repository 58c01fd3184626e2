-- Of which request a dead letter's record came; a retry goes on with it. It goes with the bytes.
ALTER TABLE telefact.dead_letters ADD COLUMN traceparent text;
COMMENT ON COLUMN telefact.dead_letters.traceparent IS 'Header traceparent of the record (W3C Trace Context).';
