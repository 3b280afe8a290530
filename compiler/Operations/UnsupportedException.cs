using System;

namespace Sinter.Compiler.Operations;

/// <summary>The description is right, but no schedule can run a part of it; the pipeline reports it as SIN0401.</summary>
public sealed class UnsupportedException(string message) : Exception(message);
