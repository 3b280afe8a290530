namespace Sinter.Ptx.Memory;

internal enum Space
{
    Generic,
    Global,
    Shared,
    Local,

    /// <summary>The kernel's parameters.</summary>
    Parameter,
}

/// <summary>
/// Where the windows of the generic address space lie (PTX ISA, section 5.1.7, leaves this to the machine).
/// Shared addresses start above zero as on Hopper, where the first kilobyte belongs to the system, so that a null
/// pointer is found.
/// </summary>
internal static class AddressSpace
{
    public const ulong SharedWindow = 0x7A00_0000_0000;
    public const ulong LocalWindow = 0x7B00_0000_0000;
    public const ulong ParameterWindow = 0x7C00_0000_0000;
    public const ulong FirstGlobal = 0x7F00_0000_0000;
    public const int SharedStart = 1024;
    public const int LocalStart = 16;
    private const ulong WindowMask = 0xFFFF_FF00_0000_0000;

    /// <summary>The space of a generic address, and its address there.</summary>
    public static (Space Space, ulong Address) Resolve(ulong address) => (address & WindowMask) switch
    {
        SharedWindow => (Space.Shared, address - SharedWindow),
        LocalWindow => (Space.Local, address - LocalWindow),
        ParameterWindow => (Space.Parameter, address - ParameterWindow),
        _ => (Space.Global, address),
    };

    /// <summary>What turns an address of the space into a generic one.</summary>
    public static ulong Window(Space space) => space switch
    {
        Space.Shared => SharedWindow,
        Space.Local => LocalWindow,
        Space.Parameter => ParameterWindow,
        _ => 0,
    };
}
