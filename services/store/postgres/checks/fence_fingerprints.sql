-- a fence past offset 0 has a record's fingerprint, and all fences are of one Kafka cluster
SELECT partition FROM :schema.fence
WHERE (next_offset > 0 AND (octet_length(last_hash) <> 32 OR last_record_ms <= 0))
    OR cluster_id NOT IN ('', (SELECT max(cluster_id) FROM :schema.fence))
