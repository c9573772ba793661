#pragma once

#include <string_view>

namespace equibolt {

/// The elements H (1) to Rn (86).
inline constexpr int last_element = 86;

/// The atomic number of a symbol in any case ("Cl", "CL"); 0 where it is none of them.
int atomic_number(std::string_view symbol);

// Of an atomic number in [1, last_element].
std::string_view element_symbol(int number);
/// Standard atomic weight, u (IUPAC; of the longest-lived isotope where there is no standard one).
double atomic_mass(int number);
/// Covalent radius, Å (Cordero et al., Dalton Trans. 2832, 2008).
double covalent_radius(int number);

}  // namespace equibolt
