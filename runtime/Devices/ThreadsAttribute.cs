using System;

namespace Sinter.Devices;

/// <summary>How many threads a kernel's groups have: what a kernel is assembled for.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ThreadsAttribute(int count) : Attribute
{
    public int Count { get; } = count;
}
