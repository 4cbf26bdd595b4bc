/// The functions whose newest form in glibc is all in the program that needs more than glibc 2.34 (RHEL 9 and its kin).
/// The linker sends their calls here (`--wrap`). Of the wheel's program alone; x86-64.

#include <stdint.h>
#include <sys/random.h>

/// Forms that every glibc has; newer ones differ in how they set errno, which nothing reads.
__asm__(".symver oldest_hypot, hypot@GLIBC_2.2.5");
__asm__(".symver oldest_hypotf, hypotf@GLIBC_2.2.5");
double oldest_hypot(double x, double y);
float oldest_hypotf(float x, float y);

double __wrap_hypot(double x, double y) { return oldest_hypot(x, y); }
float __wrap_hypotf(float x, float y) { return oldest_hypotf(x, y); }

/// As glibc 2.36's: random bits of the kernel. libstdc++ has it for `std::random_device`, which nothing uses.
uint32_t __wrap_arc4random(void) {
  uint32_t bits = 0;
  while (getrandom(&bits, sizeof bits, 0) != sizeof bits) {}
  return bits;
}
