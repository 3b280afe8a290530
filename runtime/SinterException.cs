using System;

namespace Sinter.Runtime;

/// <summary>What was asked cannot be done, and the fault is in the input: one sentence says what, where and what to do.</summary>
public class SinterException : Exception
{
    public SinterException(string message) : base(message)
    {
    }

    public SinterException(string message, Exception inner) : base(message, inner)
    {
    }
}
