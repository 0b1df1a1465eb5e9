module tutti/bench/go

go 1.19
