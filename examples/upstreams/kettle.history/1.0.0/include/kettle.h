#ifndef KETTLE_H
#define KETTLE_H

int kettle_fill(int millilitres);
int kettle_heat(int celsius);
void kettle_pour(int millilitres);
int kettle_level(void);

#endif
