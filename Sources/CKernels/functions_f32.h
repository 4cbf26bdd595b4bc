// Elementary functions of 16 floats, without branches. Polynomials are minimax fits made for this
// file; the comment at each states its error, the tests measure the whole function in ulp.

#define CK_SPLAT_F32(x) ((ck_f32x16)(float)(x))

CK_INLINE ck_f32x16 ck_f32_from_bits(ck_i32x16 bits) {
  return __builtin_bit_cast(ck_f32x16, bits);
}
CK_INLINE ck_i32x16 ck_f32_bits(ck_f32x16 x) { return __builtin_bit_cast(ck_i32x16, x); }

CK_INLINE ck_f32x16 ck_absolute_f32(ck_f32x16 x) {
  return ck_f32_from_bits(ck_f32_bits(x) & 0x7fffffff);
}

// The magnitude of `x` with the sign of `sign`.
CK_INLINE ck_f32x16 ck_copysign_f32(ck_f32x16 x, ck_f32x16 sign) {
  return ck_f32_from_bits((ck_f32_bits(x) & 0x7fffffff) | (ck_f32_bits(sign) & (int32_t)0x80000000));
}

// 2^k for k in -126 ... 127.
CK_INLINE ck_f32x16 ck_power_of_two_f32(ck_i32x16 k) { return ck_f32_from_bits((k + 127) << 23); }

// 2^k e^r with |r| <= ln(2) / 2.
CK_INLINE ck_f32x16 ck_exp_f32(ck_f32x16 argument) {
  // Beyond these the result is infinite or zero; inside, k fits two factors of 2^(k/2).
  ck_f32x16 x = argument > 89.0f ? CK_SPLAT_F32(89.0f) : argument;
  x = x < -104.0f ? CK_SPLAT_F32(-104.0f) : x;
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  const ck_f32x16 shift = CK_SPLAT_F32(12582912.0f);
  ck_f32x16 shifted = x * 1.44269504088896341f + shift;
  ck_i32x16 k = ck_f32_bits(shifted) - ck_f32_bits(shift);
  ck_f32x16 rounded = shifted - shift;
  ck_f32x16 r = x - rounded * 0.693359375f;
  r = r - rounded * -2.12194440e-4f;
  // (e^r - 1 - r) / r^2, error 5e-11 of e^r.
  ck_f32x16 p = CK_SPLAT_F32(0.00019914088853878912726f);
  p = p * r + 0.0013946354648350691388f;
  p = p * r + 0.0083332727167804190038f;
  p = p * r + 0.041666265165635243357f;
  p = p * r + 0.16666666821308600258f;
  p = p * r + 0.50000000797570930257f;
  ck_f32x16 y = p * (r * r) + r + 1.0f;
  ck_i32x16 half = k >> 1;
  return y * ck_power_of_two_f32(half) * ck_power_of_two_f32(k - half);
}

// log(x) for positive, finite, normal x, plus a small correction.
CK_INLINE ck_f32x16 ck_log_normal_f32(ck_f32x16 x, ck_i32x16 exponent, ck_f32x16 correction) {
  // x = 2^k m with m in sqrt(1/2) ... sqrt(2).
  ck_i32x16 bits = ck_f32_bits(x);
  ck_i32x16 k = (bits - 0x3f3504f3) >> 23;
  ck_f32x16 m = ck_f32_from_bits(bits - (k << 23));
  ck_f32x16 f = m - 1.0f;
  ck_f32x16 s = f / (f + 2.0f);
  ck_f32x16 z = s * s;
  // (log((1 + s) / (1 - s)) / s - 2) / z, error 5e-12.
  ck_f32x16 p = CK_SPLAT_F32(0.23583272236995034272f);
  p = p * z + 0.28537257533539145033f;
  p = p * z + 0.40000335906808579333f;
  p = p * z + 0.66666665642211536367f;
  // log(m) = f - f^2/2 + s (f^2/2 + z p): the leading terms are exact enough to keep the last bit.
  ck_f32x16 half_square = f * f * 0.5f;
  ck_f32x16 kf = __builtin_convertvector(k + exponent, ck_f32x16);
  ck_f32x16 low = s * (half_square + z * p) + (kf * -2.12194440e-4f + correction);
  return kf * 0.693359375f + (f - (half_square - low));
}

CK_INLINE ck_f32x16 ck_log_f32(ck_f32x16 x) {
  ck_i32x16 tiny = x < 1.17549435e-38f;
  ck_f32x16 scaled = tiny ? x * 8388608.0f : x;
  ck_f32x16 y = ck_log_normal_f32(
      scaled, tiny ? (ck_i32x16)-23 : (ck_i32x16)0, CK_SPLAT_F32(0));
  y = x == INFINITY ? x : y;
  y = x == 0.0f ? CK_SPLAT_F32(-INFINITY) : y;
  y = x < 0.0f ? CK_SPLAT_F32(NAN) : y;
  return x != x ? x : y;
}

CK_INLINE ck_f32x16 ck_log1p_f32(ck_f32x16 x) {
  ck_f32x16 u = x + 1.0f;
  // What the sum lost, relative to it.
  ck_f32x16 lost = x > 1.0f ? 1.0f - (u - x) : x - (u - 1.0f);
  ck_f32x16 y = ck_log_normal_f32(u, (ck_i32x16)0, lost / u);
  y = ck_absolute_f32(x) < 1e-4f ? x - x * x * (0.5f - x * 0.333333333f) : y;
  y = x == INFINITY ? x : y;
  y = x == -1.0f ? CK_SPLAT_F32(-INFINITY) : y;
  y = x < -1.0f ? CK_SPLAT_F32(NAN) : y;
  y = x == 0.0f ? x : y;
  return x != x ? x : y;
}

CK_INLINE ck_f32x16 ck_tanh_f32(ck_f32x16 x) {
  ck_f32x16 magnitude = ck_absolute_f32(x);
  ck_f32x16 z = x * x;
  // (tanh(x) / x - 1) / x^2 for |x| < 0.625, error 4e-9.
  ck_f32x16 p = CK_SPLAT_F32(-0.0057172447768351846998f);
  p = p * z + 0.020650743139310060375f;
  p = p * z + -0.053743533149793822859f;
  p = p * z + 0.13331491415938231108f;
  p = p * z + -0.33333283906794080722f;
  ck_f32x16 near = p * z * x + x;
  ck_f32x16 far = 1.0f - 2.0f / (ck_exp_f32(magnitude * 2.0f) + 1.0f);
  return magnitude < 0.625f ? near : (x != x ? x : ck_copysign_f32(far, x));
}

CK_INLINE ck_f32x16 ck_sigmoid_f32(ck_f32x16 x) {
  ck_f32x16 e = ck_exp_f32(-ck_absolute_f32(x));
  return (x < 0.0f ? e : CK_SPLAT_F32(1)) / (e + 1.0f);
}

CK_INLINE ck_f32x16 ck_erf_f32(ck_f32x16 x) {
  ck_f32x16 magnitude = ck_absolute_f32(x);
  ck_f32x16 z = x * x;
  // erf(x) / x - 1 for |x| < 0.9375, error 5e-10.
  ck_f32x16 p = CK_SPLAT_F32(0.000082963166121674375906f);
  p = p * z + -0.00081257284311989017494f;
  p = p * z + 0.0051995920385021671635f;
  p = p * z + -0.026858847602231468291f;
  p = p * z + 0.11283686275249840228f;
  p = p * z + -0.37612633197387770379f;
  p = p * z + 0.1283791665906761232f;
  ck_f32x16 near = p * x + x;
  // log(1 - erf(t)) for 0.92 <= t <= 4, error 4e-11 of erf.
  ck_f32x16 t = magnitude > 4.0f ? CK_SPLAT_F32(4.0f) : magnitude;
  ck_f32x16 q = CK_SPLAT_F32(-0.000021173407283292641636f);
  q = q * t + 0.00043534967678280889401f;
  q = q * t + -0.0041752671394139373795f;
  q = q * t + 0.025130247014923139155f;
  q = q * t + -0.10829643085772303694f;
  q = q * t + -0.63333241110413584612f;
  q = q * t + -1.1295219277298643139f;
  q = q * t + 0.0001761036681160949874f;
  ck_f32x16 far = 1.0f - ck_exp_f32(q);
  return magnitude < 0.9375f ? near : (x != x ? x : ck_copysign_f32(far, x));
}
