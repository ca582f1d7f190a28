-- What did each character cost?
CREATE VIEW spend_by_character AS
SELECT
    provider,
    character_id,
    any_value(characters.name) AS name,
    CAST(sum(charge) AS BIGINT) AS charges,
    CAST(sum(refund) AS BIGINT) AS refunds,
    CAST(sum(net) AS BIGINT) AS net,
    CAST(sum(image) AS BIGINT) AS images
FROM spend_entries
LEFT JOIN characters USING (character_id)
GROUP BY provider, character_id
ORDER BY provider, character_id;

COMMENT ON VIEW spend_by_character IS 'What did each character cost?';
COMMENT ON COLUMN spend_by_character.provider IS 'Whose credits: apiframe or sandbox.';
COMMENT ON COLUMN spend_by_character.character_id IS 'The character that it was spent on.';
COMMENT ON COLUMN spend_by_character.name IS 'Name for people; null where the character is not in the table characters.';
COMMENT ON COLUMN spend_by_character.charges IS 'Credits taken.';
COMMENT ON COLUMN spend_by_character.refunds IS 'Credits given back, as a positive number.';
COMMENT ON COLUMN spend_by_character.net IS 'Credits spent: charges less refunds.';
COMMENT ON COLUMN spend_by_character.images IS 'Stored pictures that these charges paid for.';
