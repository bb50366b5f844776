//! What attribution promises, over inputs nobody chose. Axioms have the numbers under which contracts cite them.

mod accuracy;
mod axioms;
mod calibration;
mod games;
mod reference;
mod signed;
