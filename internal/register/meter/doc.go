// Package meter decides how many voters' records a person may still be given: it keeps
// the policy, counts distinct voters exactly, and says stop before the bytes leave.
//
// # Budgets
//
// A [Budget] bounds the number of distinct voters that one person, role, purpose or
// program is given within an hour, a day, thirty days and a year. Reading the same
// record twice costs nothing; reading a list of strangers costs one each. A rate bounds
// rows a minute, and statements an hour are bounded too, for a predicate can be asked
// about a voter without any row leaving ("is there anybody called … born on …").
//
// # Windows slide
//
// A fixed window lets through two budgets around its edge: one at 23:59 and one at
// 00:01. So windows slide. Of each voter a [tracker] keeps in which slice of five
// minutes they were last given out; a window holds all slices that any part of it
// touches. Slices are put together as they age, so a window is never shorter than its name
// says and at most a slice longer: the hour is 60–65 minutes, the day 24 hours and at most a
// quarter, thirty days are 30–31, the year is 365–375 days. In no stretch of an hour, wherever it begins, does more than the
// hour's budget leave.
//
// # Nothing overshoots
//
// [Meter.Reserve] counts before the rows leave, under one lock for all budgets of all
// sessions, and says exactly how many of the rows may go. What it has counted is given back
// only by [Hold.Cancel], for rows that did not leave because the ledger could not be
// written, and only where nobody else relied on it meanwhile.
//
// # Several guards
//
// Guards may share a [Store]: budgets are counted there, exactly, and given back exactly. What is about load
// (rates, statements an hour, the brake) and what supervisors decided they tell each other every second ([Meter.Sync]).
//
// # Time
//
// Budgets refill with time, so whoever sets the clock could refill them. The meter's time
// never goes back, and [Clock] makes it follow the monotonic clock: a step of the wall clock
// moves nothing. After a start the latest entry of the ledger is the earliest that time can be.
//
// # The brake
//
// Budgets are per person, so very many people together can still read very much. The
// brake stops bulk reading for everyone. It is also a weapon: whoever trips it on polling
// day stops the polling. Therefore a single person, or two, cannot trip it: who reads more
// than a person's share is stopped alone, and only what remains counts towards the brake;
// it then stops bulk reading only, while single look-ups go on; it releases by itself; and
// two people can lift it in an emergency ([Meter.Declare]).
package meter
