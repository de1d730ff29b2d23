-- The folder that a product's local pictures must lie in; empty for any. Rows of before have the
-- paths that were refused with "outside:" before them.

ALTER TABLE product ADD COLUMN picture_folder TEXT NOT NULL DEFAULT '';
