// Takes back the macros of one element type.
#undef CK_PASTE2
#undef CK_PASTE
#undef CK_F
#undef CK_TILE_COLUMNS
#undef CK_FETCH_AHEAD
#undef CK_TYPE
#undef CK_SCALAR
#undef CK_VECTOR
#undef CK_HALF
#undef CK_QUARTER
#undef CK_LANES
