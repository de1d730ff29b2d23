-- Article numbers, currency, list price, category paths, stock, release date.

ALTER TABLE product ADD COLUMN sku TEXT NOT NULL DEFAULT '';
ALTER TABLE product ADD COLUMN gtin TEXT NOT NULL DEFAULT '';
ALTER TABLE product ADD COLUMN currency TEXT NOT NULL DEFAULT '';
ALTER TABLE product ADD COLUMN list_price REAL;
ALTER TABLE product ADD COLUMN categories TEXT NOT NULL DEFAULT '[]';  -- JSON list of lists
ALTER TABLE product ADD COLUMN in_stock INTEGER;                       -- 0, 1 or NULL
ALTER TABLE product ADD COLUMN released TEXT NOT NULL DEFAULT '';

UPDATE product SET categories = json_array(json_array(category)) WHERE category <> '';
