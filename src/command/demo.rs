//! `demo`: the whole story on this machine. Serve the problem, measure; serve the fix, measure the same plan;
//! compare; check that everything that was accepted was done once; leave a report.
