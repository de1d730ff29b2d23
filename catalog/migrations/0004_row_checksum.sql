-- The CRC-32 of a product's fields; NULL until the product is read again from its feed.

ALTER TABLE product ADD COLUMN checksum INTEGER;
