#pragma once

#include <string_view>

namespace equibolt {

/// The elements H (1) to Rn (86).
inline constexpr int last_element = 86;

/// The atomic number of a symbol in any case ("Cl", "CL"), 1 also for deuterium "D" and tritium "T"; 0 where
/// it is none of them.
int atomic_number(std::string_view symbol);
/// The mass number that a symbol implies: 2 for "D", 3 for "T", 0 for an element with its natural isotopes.
int mass_number(std::string_view symbol);

// The following take an atomic number in [1, last_element].

std::string_view element_symbol(int number);
/// Standard atomic weight, u (IUPAC; of the longest-lived isotope where there is no standard one). With a
/// mass number of 2 or 3 that of deuterium or tritium.
double atomic_mass(int number, int mass_number = 0);
/// Covalent radius, Å (Cordero et al., Dalton Trans. 2832, 2008).
double covalent_radius(int number);

}  // namespace equibolt
