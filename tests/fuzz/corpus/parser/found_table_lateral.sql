SELECT * FROM lateral AS o OVER w;
