#ifndef KETTLE_H
#define KETTLE_H

/* Fills the kettle with this much water, in millilitres. Returns 0, or -1 when it does not fit. */
int kettle_fill(int millilitres);
/* Heats the water to this temperature, in degrees Celsius. */
int kettle_heat(int celsius);
/* How much water is left, in millilitres. */
int kettle_level(void);

#endif
