module example.com/house-rules

go 1.27

require go.bytecodealliance.org/pkg v0.2.3

// What the bindings need at run time; it comes with wit-bindgen.
replace go.bytecodealliance.org/pkg => ./wit_runtime
