namespace Sinter.Command.Terminal;

/// <summary>What the process exits with.</summary>
internal static class ExitCode
{
    public const int Fine = 0;

    /// <summary>The input is wrong: a model, a checkpoint, a prompt, a file that cannot be read or written.</summary>
    public const int WrongInput = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>A fault of Sinter itself, as in sysexits.h.</summary>
    public const int Internal = 70;

    /// <summary>Stopped by Ctrl-C, as shells have it.</summary>
    public const int Cancelled = 130;
}
