CREATE EXTENSION vector;
CREATE TABLE handbook (id int PRIMARY KEY, text text, embedding vector(1024));
