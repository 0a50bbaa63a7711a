// Package copies finds copies of a register of voters that lie about: on file servers, in
// archives and spreadsheets, in mailboxes. What is taken is seldom the register itself, but an
// extract that somebody kept beside it.
//
// # How a voter's record is known without the register
//
// A [Filter] is made of the register once ([Builder]). It holds no identifiers but 32 bits of a
// keyed hash of each voter's number and of each combination of a given name, a family name
// and a date of birth. Without the key, which is kept apart, it tells nothing: with the key, it can be asked
// whether a given person is in the register and cannot be read otherwise. The key is expanded by HMAC-SHA256
// (RFC 2104); the hash is SipHash-2-4 (Aumasson and Bernstein, 2012), a keyed pseudo-random function
// that is fast for the few bytes of a name.
//
// Numbers alone mean nothing where they are dense: nearly every eight-digit number is somebody's
// where a register has forty million. So the filter knows how dense they are around each leading pair of digits,
// and numbers count only where they are rare, and only if there are far more of them than chance gives. A date
// with two names within one row is nobody's by chance: ten in 4 billion is the rate of
// false hits of one look-up.
//
// Where there is no filter, the shape of the rows is all there is: dates that are births of living
// people, spread over decades, each with names and numbers around it.
//
// # Known misses
//
// Names given by an initial only; dates without a full year or with the month in words;
// names and dates in different rows or files; pictures of text; encrypted files (these are told of).
package copies
