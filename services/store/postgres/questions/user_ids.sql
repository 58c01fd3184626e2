-- One page of ids $1 to $2. $3 is 1: also of those who blocked the bot.
SELECT array_agg(page) FROM (:page_of_ids) AS page
