#include "kettle.h"

/* Makes a pot of tea. Returns how many cups it holds. */
int tea_make(int cups) {
  if (kettle_fill(cups * 250) != 0) return 0;
  kettle_heat(100);
  int poured = 0;
  while (kettle_level() >= 200 && poured < cups) {
    kettle_pour(200);
    poured += 1;
  }
  return poured;
}
