#include "flow/runge_kutta.h"

namespace equibolt {

const Tableau& tableau_of(Method method) {
  static const Tableau euler{{0}, {{}}, {1}, {}, {}};
  static const Tableau midpoint{{0, 0.5}, {{}, {0.5}}, {0, 1}, {}, {}};
  static const Tableau rk3{{0, 0.5, 1}, {{}, {0.5}, {-1, 2}}, {1. / 6, 2. / 3, 1. / 6}, {}, {1, -2, 1}};
  static const Tableau rk4{{0, 0.5, 0.5, 1},
                           {{}, {0.5}, {0, 0.5}, {0, 0, 1}},
                           {1. / 6, 1. / 3, 1. / 3, 1. / 6},
                           {},
                           {1, -1, -1, 1}};
  static const Tableau dopri5{
      {0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1},
      {{},
       {1. / 5},
       {3. / 40, 9. / 40},
       {44. / 45, -56. / 15, 32. / 9},
       {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
       {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
       {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}},
      {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84, 0},
      {71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40},
      {}};
  switch (method) {
    case Method::euler:
      return euler;
    case Method::midpoint:
      return midpoint;
    case Method::rk3:
      return rk3;
    case Method::rk4:
      return rk4;
    case Method::dopri5:
      break;
  }
  return dopri5;
}

}  // namespace equibolt
