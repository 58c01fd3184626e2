-- an event id stands in only one of videos, music and applied
SELECT event_id FROM :schema.videos JOIN :schema.music USING (event_id)
UNION ALL
SELECT event_id FROM :schema.videos JOIN :schema.applied USING (event_id)
UNION ALL
SELECT event_id FROM :schema.music JOIN :schema.applied USING (event_id)
