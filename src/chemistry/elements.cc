#include "chemistry/elements.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>

namespace equibolt {
namespace {

struct Element {
  std::string_view symbol;
  double mass;
  double radius;
};

constexpr std::array<Element, last_element> kElements{{
    {"H", 1.008, 0.31},      {"He", 4.002602, 0.28}, {"Li", 6.94, 1.28},      {"Be", 9.0121831, 0.96},
    {"B", 10.81, 0.84},      {"C", 12.011, 0.76},    {"N", 14.007, 0.71},     {"O", 15.999, 0.66},
    {"F", 18.998403, 0.57},  {"Ne", 20.1797, 0.58},  {"Na", 22.989769, 1.66}, {"Mg", 24.305, 1.41},
    {"Al", 26.981538, 1.21}, {"Si", 28.085, 1.11},   {"P", 30.973762, 1.07},  {"S", 32.06, 1.05},
    {"Cl", 35.45, 1.02},     {"Ar", 39.95, 1.06},    {"K", 39.0983, 2.03},    {"Ca", 40.078, 1.76},
    {"Sc", 44.955907, 1.70}, {"Ti", 47.867, 1.60},   {"V", 50.9415, 1.53},    {"Cr", 51.9961, 1.39},
    {"Mn", 54.938043, 1.39}, {"Fe", 55.845, 1.32},   {"Co", 58.933194, 1.26}, {"Ni", 58.6934, 1.24},
    {"Cu", 63.546, 1.32},    {"Zn", 65.38, 1.22},    {"Ga", 69.723, 1.22},    {"Ge", 72.63, 1.20},
    {"As", 74.921595, 1.19}, {"Se", 78.971, 1.20},   {"Br", 79.904, 1.20},    {"Kr", 83.798, 1.16},
    {"Rb", 85.4678, 2.20},   {"Sr", 87.62, 1.95},    {"Y", 88.905838, 1.90},  {"Zr", 91.224, 1.75},
    {"Nb", 92.90637, 1.64},  {"Mo", 95.95, 1.54},    {"Tc", 98, 1.47},        {"Ru", 101.07, 1.46},
    {"Rh", 102.90549, 1.42}, {"Pd", 106.42, 1.39},   {"Ag", 107.8682, 1.45},  {"Cd", 112.414, 1.44},
    {"In", 114.818, 1.42},   {"Sn", 118.71, 1.39},   {"Sb", 121.76, 1.39},    {"Te", 127.6, 1.38},
    {"I", 126.90447, 1.39},  {"Xe", 131.293, 1.40},  {"Cs", 132.90545, 2.44}, {"Ba", 137.327, 2.15},
    {"La", 138.90547, 2.07}, {"Ce", 140.116, 2.04},  {"Pr", 140.90766, 2.03}, {"Nd", 144.242, 2.01},
    {"Pm", 145, 1.99},       {"Sm", 150.36, 1.98},   {"Eu", 151.964, 1.98},   {"Gd", 157.25, 1.96},
    {"Tb", 158.92535, 1.94}, {"Dy", 162.5, 1.92},    {"Ho", 164.93033, 1.92}, {"Er", 167.259, 1.89},
    {"Tm", 168.93422, 1.90}, {"Yb", 173.045, 1.87},  {"Lu", 174.9668, 1.87},  {"Hf", 178.486, 1.75},
    {"Ta", 180.94788, 1.70}, {"W", 183.84, 1.62},    {"Re", 186.207, 1.51},   {"Os", 190.23, 1.44},
    {"Ir", 192.217, 1.41},   {"Pt", 195.084, 1.36},  {"Au", 196.96657, 1.36}, {"Hg", 200.592, 1.32},
    {"Tl", 204.38, 1.45},    {"Pb", 207.2, 1.46},    {"Bi", 208.9804, 1.48},  {"Po", 209, 1.40},
    {"At", 210, 1.50},       {"Rn", 222, 1.50},
}};

const Element& element(int number) {
  assert(number >= 1 && number <= last_element);
  return kElements[static_cast<std::size_t>(number - 1)];
}

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

bool same_symbol(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

int atomic_number(std::string_view symbol) {
  if (mass_number(symbol) > 0) return 1;
  for (int number = 1; number <= last_element; ++number) {
    if (same_symbol(element(number).symbol, symbol)) return number;
  }
  return 0;
}

int mass_number(std::string_view symbol) {
  if (same_symbol(symbol, "D")) return 2;
  return same_symbol(symbol, "T") ? 3 : 0;
}

std::string_view element_symbol(int number) {
  return element(number).symbol;
}

double atomic_mass(int number, int mass_number) {
  if (number == 1 && mass_number == 2) return 2.014101778;
  if (number == 1 && mass_number == 3) return 3.016049281;
  return element(number).mass;
}

double covalent_radius(int number) {
  return element(number).radius;
}

}  // namespace equibolt
